with obeyed as (
  select
    override_id::varchar as override_id,
    count(*) as decisions,
    count(*) filter (action = 'hold') as decisions_held,
    min(date) + 1 as first_applied_on,
    max(date) + 1 as last_applied_on
  from {{ ref('stg_decisions') }}
  where override_id is not null
  group by all
)

select
  override.override_id,
  override.kind,
  override.sku,
  override.category,
  override.market,
  override.active_from,
  override.active_until,
  override.state,
  override.set_by,
  override.set_at,
  override.reason,
  override.ended_by,
  override.ended_at,
  override.end_reason,
  coalesce(obeyed.decisions, 0) as decisions,
  coalesce(obeyed.decisions_held, 0) as decisions_held,
  obeyed.first_applied_on,
  obeyed.last_applied_on
from {{ source('governance', 'overrides') }} as override
left join obeyed using (override_id)
