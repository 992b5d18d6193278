with latest_day as (
  select max(date) as date from {{ ref('stg_decisions') }}
)

select
  history.sku,
  history.market,
  history.date,
  history.currency,
  history.current_price,
  history.list_price,
  history.cost,
  history.action,
  history.decided_price,
  history.decision_id,
  book.price as next_price,
  book.effective_from,
  book.decision_id as next_decision_id
from {{ ref('price_history') }} as history
semi join latest_day using (date)
join {{ ref('stg_days') }} as day using (date)
left join {{ ref('stg_price_book') }} as book
  on book.sku = history.sku and book.market = history.market and book.effective_from = day.effective_from
where history.decision_id is not null
