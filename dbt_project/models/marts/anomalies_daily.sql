select
  date,
  market,
  coalesce(category, 'none') as category,
  reason::varchar as reason,
  severity::varchar as severity,
  coalesce(currency, 'none') as currency,
  count(distinct cause) as alarms,
  count(distinct cause) filter (since = date) as new_alarms,
  count(distinct cause) filter (since < date) as continuing_alarms,
  count(distinct sku) as skus,
  count(distinct sku) filter (market_wide) as market_wide_skus,
  sum(at_stake)::decimal(18, 4) as at_stake,
  max(effect) as largest_effect
from {{ source('anomalies', 'price_anomalies') }}
group by all
