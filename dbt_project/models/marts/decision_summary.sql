select
  date,
  market,
  coalesce(strategy, 'none') as strategy,
  method::varchar as method,
  action::varchar as action,
  count(*) as decisions,
  count(*) filter (final_price <> current_price) as changed,
  avg(100 * (final_price - current_price)::double / current_price::double) as mean_change_pct,
  min(100 * (final_price - current_price)::double / current_price::double) as lowest_change_pct,
  max(100 * (final_price - current_price)::double / current_price::double) as highest_change_pct,
  avg(confidence) as mean_confidence
from {{ ref('stg_decisions') }}
group by all
