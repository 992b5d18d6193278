with verdicts as (
  select
    date,
    "table",
    max(received) as received,
    max(accepted) as accepted,
    max(quarantined) as quarantined,
    count(*) as checks,
    count(*) filter (not passed) as failed_checks,
    string_agg("check" || ': ' || message, '; ' order by "check") filter (not passed) as failures
  from {{ source('runs', 'checks') }}
  group by date, "table"
),

quarantined as (
  select
    received_on as date,
    "table",
    regexp_replace(regexp_replace(rule, 'found .*; expected', 'expected'), ' = \(.*\)', '') as rule
  from {{ source('raw', 'quarantine') }}
),

broken as (
  select date, "table", rule, count(*) as lines
  from quarantined
  group by date, "table", rule
  qualify row_number() over (partition by date, "table" order by count(*) desc, rule) = 1
),

known as (
  {%- for table in ['listings', 'prices', 'sales', 'stock'] %}
  select date, 'raw.{{ table }}' as "table", max(known_at) as last_known_at
  from {{ source('raw', table) }}
  group by date
  {{ '' if loop.last else 'union all' }}
  {%- endfor %}
)

select
  verdict.date,
  verdict."table",
  coalesce(day.status::varchar, case when sum(verdict.failed_checks) over (partition by verdict.date) > 0 then 'stopped' else 'received' end) as day_status,
  verdict.received,
  verdict.accepted,
  verdict.quarantined,
  100 * verdict.quarantined::double / nullif(verdict.received, 0)::double as quarantined_pct,
  broken.rule as most_frequent_rule,
  broken.lines as most_frequent_rule_rows,
  verdict.checks,
  verdict.failed_checks,
  verdict.failures,
  median(nullif(verdict.accepted, 0)) over four_weeks as usual_rows,
  100 * verdict.accepted::double / median(nullif(verdict.accepted, 0)) over four_weeks - 100 as rows_against_usual_pct,
  known.last_known_at,
  day.committed_at
from verdicts as verdict
left join {{ ref('stg_days') }} as day on day.date = verdict.date
left join broken on broken.date = verdict.date and broken."table" = verdict."table"
left join known on known.date = verdict.date and known."table" = verdict."table"
window four_weeks as (
  partition by verdict."table"
  order by verdict.date
  range between interval 28 days preceding and interval 1 day preceding
)
