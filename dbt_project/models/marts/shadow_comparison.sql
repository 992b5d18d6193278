select
  shadow.date,
  shadow.shadow,
  shadow.category,
  coalesce(shadow.currency, 'none') as currency,
  count(*) as decisions,
  count(*) filter (shadow.live_price <> shadow.current_price) as live_changes,
  count(*) filter (shadow.final_price <> shadow.current_price) as shadow_changes,
  count(*) filter (shadow.final_price <> shadow.live_price) as differing,
  avg(100 * (shadow.final_price - shadow.live_price)::double / shadow.live_price::double) as mean_difference_pct,
  count(*) filter (shadow.expected_profit is not null and shadow.live_expected_profit is not null) as judged,
  (sum(shadow.live_expected_profit) filter (shadow.expected_profit is not null))::decimal(18, 4) as live_expected_profit,
  (sum(shadow.expected_profit) filter (shadow.live_expected_profit is not null))::decimal(18, 4) as shadow_expected_profit,
  sum(shadow.expected_profit - shadow.live_expected_profit)::decimal(18, 4) as expected_profit_difference
from {{ source('decisions', 'shadow_decisions') }} as shadow
semi join {{ ref('stg_days') }} as day
  on day.date = shadow.date and day.basis = shadow.basis::varchar
group by all
