select
  date,
  sku,
  market,
  currency,
  cost,
  current_price,
  current_price - cost as current_margin,
  100 * (current_price - cost)::double / nullif(current_price, 0)::double as current_margin_pct,
  decided_price,
  decided_price - cost as decided_margin,
  100 * (decided_price - cost)::double / nullif(decided_price, 0)::double as decided_margin_pct,
  (revenue - units * cost)::decimal(18, 4) as gross_profit
from {{ ref('price_history') }}
where cost is not null
