{#- Which rival prices count is the features' rule (features/rivals.py); here it is only put into figures people ask for. -#}
with captured as (
  select distinct sku, market, date as captured_on
  from {{ source('raw', 'competitor_snapshots') }}
)

select
  feature.date,
  feature.sku,
  feature.market,
  feature.category,
  feature.currency,
  feature.current_price,
  feature.competitor_count,
  feature.competitor_min,
  feature.competitor_median,
  feature.competitor_max,
  1 + round(feature.price_position * feature.competitor_count)::bigint as our_rank,
  feature.price_position,
  feature.current_price - feature.competitor_min as gap_to_lowest,
  feature.competitor_delta_pct as gap_to_lowest_pct,
  captured.captured_on,
  feature.date - captured.captured_on as captured_days_ago,
  feature.date - captured.captured_on > {{ var('rivals_stale_after_days') }} as is_stale,
  feature.competitor_delta_pct - before.competitor_delta_pct as gap_change_7d_points,
  100 * (feature.competitor_min - before.competitor_min)::double / before.competitor_min::double as lowest_change_7d_pct
from {{ source('features', 'feature_snapshots') }} as feature
asof join captured
  on captured.sku = feature.sku and captured.market = feature.market and captured.captured_on <= feature.date
left join {{ source('features', 'feature_snapshots') }} as before
  on before.date = feature.date - 7
  and before.sku = feature.sku
  and before.market = feature.market
  and before.currency = feature.currency
