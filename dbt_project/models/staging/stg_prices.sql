with standing as (
  {{ latest(source('raw', 'prices'), ['date', 'sku', 'market', 'price_type'], by='known_at') }}
)

select
  date,
  sku,
  market,
  max(price) filter (price_type = 'current') as current_price,
  max(price) filter (price_type = 'list') as list_price,
  coalesce(max(cost) filter (price_type = 'current'), max(cost)) as cost,
  coalesce(max(currency) filter (price_type = 'current'), max(currency)) as currency
from standing
group by date, sku, market
