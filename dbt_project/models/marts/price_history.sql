select
  date,
  sku,
  market,
  coalesce(decision.currency, price.currency, sale.currency) as currency,
  coalesce(price.current_price, decision.current_price) as current_price,
  coalesce(price.list_price, decision.list_price) as list_price,
  coalesce(price.cost, decision.cost) as cost,
  coalesce(sale.units, 0) as units,
  coalesce(sale.returned_units, 0) as returned_units,
  coalesce(sale.revenue, 0)::decimal(18, 4) as revenue,
  decision.final_price as decided_price,
  decision.method::varchar as method,
  decision.action::varchar as action,
  decision.decision_id
from {{ ref('stg_decisions') }} as decision
full join {{ ref('stg_prices') }} as price using (date, sku, market)
full join {{ ref('stg_sales') }} as sale using (date, sku, market)
