select decision.*
from {{ source('decisions', 'price_decisions') }} as decision
semi join {{ ref('stg_days') }} as day
  on decision.date = day.date and decision.basis = day.basis
