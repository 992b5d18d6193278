{#- A day's sales are made at the prices decided the day before: that day's draw is theirs. -#}
with drawn as (
  select category, market, date + 1 as date, period, period_from, period_until, held
  from {{ source('decisions', 'holdouts') }}
),

clusters as (
  select distinct category, market from drawn
),

sold as (
  select
    history.date,
    coalesce(product.category, 'none') as category,
    history.market,
    history.currency,
    history.units,
    history.revenue,
    case when history.units = 0 then 0 else history.revenue - history.units * history.cost end as profit
  from {{ ref('price_history') }} as history
  left join {{ source('raw', 'products') }} as product
    on product.date = history.date and product.sku = history.sku
  where history.currency is not null
),

days as (
  select
    sold.date,
    sold.category,
    sold.market,
    sold.currency,
    sum(sold.units)::bigint as units,
    sum(sold.revenue)::decimal(18, 4) as revenue,
    (case when count(*) = count(sold.profit) then sum(sold.profit) end)::decimal(18, 4) as profit
  from sold
  semi join clusters on clusters.category = sold.category and clusters.market = sold.market
  group by sold.date, sold.category, sold.market, sold.currency
)

select
  days.date,
  days.category,
  days.market,
  days.currency,
  days.units,
  days.revenue,
  days.profit,
  drawn.period,
  drawn.period_from,
  drawn.period_until,
  drawn.held
from days
left join drawn
  on drawn.date = days.date and drawn.category = days.category and drawn.market = days.market
