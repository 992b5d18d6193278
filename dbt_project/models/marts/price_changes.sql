select
  book.date,
  book.effective_from,
  book.sku,
  book.market,
  feature.category,
  book.currency,
  decision.current_price as old_price,
  book.price as new_price,
  book.price - decision.current_price as change,
  100 * (book.price - decision.current_price)::double / decision.current_price::double as change_pct,
  decision.cost,
  100 * (book.price - decision.cost)::double / book.price::double as new_margin_pct,
  decision.reason,
  decision.method::varchar as method,
  decision.strategy,
  strategy.version as strategy_version,
  strategy.activated_by,
  decision.override_id::varchar as override_id,
  decision.decision_id
from {{ ref('stg_price_book') }} as book
join {{ source('decisions', 'price_decisions') }} as decision
  on decision.date = book.date and decision.decision_id = book.decision_id
left join {{ source('features', 'feature_snapshots') }} as feature
  on feature.date = book.date and feature.sku = book.sku and feature.market = book.market
left join {{ source('governance', 'strategies') }} as strategy
  on strategy.date = decision.date and strategy.name = decision.strategy and strategy.hash = decision.strategy_hash
where book.price <> decision.current_price
