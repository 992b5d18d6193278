{#- Receipts are inferred from day to day; first in, first out, the units on hand are the ones received last. -#}
{% set bounds = [30, 60, 90, 180] %}

with days as (
  select
    date,
    sku,
    market,
    stock.on_hand,
    stock.opening,
    stock.oldest_received_on,
    coalesce(sale.units - sale.returned_units, 0) as sold
  from {{ ref('stg_stock') }} as stock
  full join {{ ref('stg_sales') }} as sale using (date, sku, market)
),

counted as (
  select *, sum(sold) over (partition by sku, market order by date) as sold_so_far
  from days
),

received as (
  select
    *,
    greatest(
      on_hand + sold_so_far - coalesce(
        lag(on_hand + sold_so_far) over (partition by sku, market order by date),
        opening + sold_so_far - sold,
        on_hand + sold_so_far
      ),
      0
    ) as receipt,
    date - min(date) over (partition by sku, market) as days_on_record
  from counted
  where on_hand is not null
),

recent as (
  select
    *,
    date - oldest_received_on as oldest_age,
    {%- for bound in bounds %}
    sum(receipt) over (
      partition by sku, market order by date range between interval {{ bound }} days preceding and current row
    ) as received_{{ bound }}{{ '' if loop.last else ',' }}
    {%- endfor %}
  from received
),

up_to as (
  select
    *,
    {%- for bound in bounds %}
    case
      when on_hand = 0 or oldest_age <= {{ bound }} then on_hand
      else least(received_{{ bound }}, on_hand - case when oldest_age is null then 0 else 1 end)
    end::bigint as units_up_to_{{ bound }}{{ ',' }}
    {%- endfor %}
    oldest_age is null and days_on_record <= {{ bounds[-1] }} as rest_is_unknown
  from recent
),

aged as (
  select
    date,
    sku,
    market,
    on_hand,
    oldest_received_on,
    units_up_to_30 as units_0_30,
    units_up_to_60 - units_up_to_30 as units_31_60,
    units_up_to_90 - units_up_to_60 as units_61_90,
    units_up_to_180 - units_up_to_90 as units_91_180,
    case when rest_is_unknown then 0 else on_hand - units_up_to_180 end as units_over_180,
    case when rest_is_unknown then on_hand - units_up_to_180 else 0 end as units_unknown
  from up_to
)

select
  aged.date,
  aged.sku,
  aged.market,
  product.category,
  price.currency,
  price.cost,
  aged.on_hand,
  aged.oldest_received_on,
  {%- for bucket in ['0_30', '31_60', '61_90', '91_180', 'over_180', 'unknown'] %}
  aged.units_{{ bucket }},
  (aged.units_{{ bucket }} * price.cost)::decimal(18, 4) as value_{{ bucket }}{{ '' if loop.last else ',' }}
  {%- endfor %}
from aged
left join {{ source('raw', 'products') }} as product on product.date = aged.date and product.sku = aged.sku
left join {{ ref('stg_prices') }} as price
  on price.date = aged.date and price.sku = aged.sku and price.market = aged.market
