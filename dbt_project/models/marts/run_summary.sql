with commits as (
  select date, count(*) as commits
  from {{ source('runs', 'days') }}
  group by date
),

failed_checks as (
  select date, count(*) as failed_checks
  from {{ source('runs', 'checks') }}
  where not passed
  group by date
),

quarantine as (
  select received_on as date, count(*) as quarantined
  from {{ source('raw', 'quarantine') }}
  group by received_on
),

executions as (
  select
    day.date,
    count(*) as executions,
    count(*) filter (execution.outcome <> 'success') as failed_executions
  from {{ ref('stg_days') }} as day
  join {{ source('runs', 'executions') }} as execution
    on day.date between execution.first_day and execution.last_day
  group by day.date
)

select
  day.date,
  day.status::varchar as status,
  day.run_id,
  day.late,
  day.decided,
  day.published,
  day.held,
  coalesce(quarantine.quarantined, 0) as quarantined,
  coalesce(failed_checks.failed_checks, 0) as failed_checks,
  commits.commits,
  coalesce(executions.executions, 0) as executions,
  coalesce(executions.failed_executions, 0) as failed_executions,
  day.effective_from,
  day.committed_at
from {{ ref('stg_days') }} as day
join commits using (date)
left join failed_checks using (date)
left join quarantine using (date)
left join executions using (date)
