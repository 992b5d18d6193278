{#- From a price to what it came from, as table macros in the warehouse: one row per row it rests on. They read the lake's
    views only, so that any selection of models may be built. -#}

{% macro trace_macros() %}
create schema if not exists marts;

{#- The instant a day was cut off: 02:00 local time of the next day, the first of them where the clock is put back.
    The rule is that of pricing_assets/tables/hours.py. -#}
create or replace macro marts.cutoff(of_day, zone) as (
  with instant as (
    select timezone(zone, of_day::timestamp + interval 26 hours) as later
  )
  select case
    when timezone(zone, later - interval 1 hour) = of_day::timestamp + interval 26 hours then later - interval 1 hour
    else later
  end
  from instant
);

create or replace macro marts.trace(of_sku, of_market, of_day) as table
with standing as (
  {{ latest('runs.days', ['date'], by='sequence') }}
),

day as (
  select *, marts.cutoff(date, settings ->> 'time_zone') as cutoff
  from standing
  where date = of_day::date
),

decision as (
  select decision.*
  from decisions.price_decisions as decision
  semi join day using (date, basis)
  where decision.sku = of_sku and decision.market = of_market
),

feature as (
  select * exclude (inputs)
  from features.feature_snapshots
  where date = of_day::date and sku = of_sku and market = of_market
),

seen as (
  select entry."table", entry.first, entry.last
  from (select unnest(inputs) as entry from day)
),

{#- what a day may see is the rule of features/visibility.py #}
{%- for table, key in [('listings', ''), ('prices', ', price_type'), ('sales', ''), ('stock', '')] %}
{{ table }} as (
  select told.*
  from raw.{{ table }} as told
  join seen on seen."table" = 'raw.{{ table }}' and told.date between seen.first and seen.last
  cross join day
  where told.sku = of_sku and told.market = of_market and told.known_at < day.cutoff
  qualify row_number() over (partition by told.date{{ key }} order by told.known_at desc) = 1
),
{%- endfor %}

found as (
  select 1 as no, 'price' as step, 'decisions.price_book' as "table", date,
    strftime(timezone('UTC', effective_from), '%Y-%m-%d %H:%M UTC') || ' entry ' || entry_no as key, to_json(entry) as value
  from (from decisions.price_book where date = of_day::date and sku = of_sku and market = of_market) as entry
  union all by name
  select 2 as no, 'decision' as step, 'decisions.price_decisions' as "table", date, decision_id as key, to_json(decision) as value
  from decision
  union all by name
  select 3 as no, 'explanation' as step, 'decisions.price_steps' as "table", date, lpad(step_no::varchar, 2, '0') as key,
    to_json(price_step) as value
  from (from decisions.price_steps semi join decision using (date, decision_id)) as price_step
  union all by name
  select 4 as no, 'strategy' as step, 'governance.strategies' as "table", date, name as key, to_json(strategy) as value
  from (
    select strategy.*
    from governance.strategies as strategy
    join decision on decision.date = strategy.date and decision.strategy_hash = strategy.hash
  ) as strategy
  union all by name
  select 5 as no, 'override' as step, 'decisions.overrides' as "table", date, override_id as key, to_json(override) as value
  from (
    select override.*
    from decisions.overrides as override
    left join feature on true
    where override.date = of_day::date
      and coalesce(override.sku = of_sku, true)
      and coalesce(override.market = of_market, true)
      and (override.category is null or override.category = feature.category)
  ) as override
  union all by name
  select 6 as no, 'anomaly' as step, 'anomalies.price_anomalies' as "table", date, reason as key, to_json(anomaly) as value
  from (from anomalies.price_anomalies where date = of_day::date and sku = of_sku and market = of_market) as anomaly
  union all by name
  select 7 as no, 'features' as step, 'features.feature_snapshots' as "table", date, date::varchar as key, to_json(feature) as value
  from feature
  {%- for table in ['listings', 'prices', 'sales', 'stock'] %}
  union all by name
  select 8 as no, 'raw rows seen' as step, 'raw.{{ table }}' as "table", date,
    date{{ " || ' ' || price_type" if table == 'prices' }} || strftime(timezone('UTC', known_at), ' known %Y-%m-%d %H:%M UTC') as key,
    to_json({{ table }}) as value
  from {{ table }}
  {%- endfor %}
  union all by name
  select 8 as no, 'raw rows seen' as step, 'raw.products' as "table", date, date::varchar as key, to_json(product) as value
  from (
    select product.*
    from raw.products as product
    join seen on seen."table" = 'raw.products' and product.date between seen.first and seen.last
    where product.sku = of_sku
  ) as product
  union all by name
  select 8 as no, 'raw rows seen' as step, 'raw.promotions' as "table", known_on as date,
    known_on || ' for ' || target_date as key, to_json(promotion) as value
  from (
    select promotion.*
    from raw.promotions as promotion
    join seen on seen."table" = 'raw.promotions' and promotion.known_on between seen.first and seen.last
    where promotion.sku = of_sku and promotion.market = of_market
  ) as promotion
  union all by name
  select 8 as no, 'raw rows seen' as step, 'raw.competitor_snapshots' as "table", date,
    date || ' ' || competitor as key, to_json(rival) as value
  from (
    select rival.*
    from raw.competitor_snapshots as rival
    join seen on seen."table" = 'raw.competitor_snapshots' and rival.date between seen.first and seen.last
    where rival.sku = of_sku and rival.market = of_market
  ) as rival
  union all by name
  select 9 as no, 'rows set aside' as step, 'raw.quarantine' as "table", received_on as date,
    received_on || ' ' || broken."table" || ' row ' || "row" as key, to_json(broken) as value
  from (
    from raw.quarantine
    where received_on between of_day::date - 7 and of_day::date
      and try_cast(record as json) ->> 'sku' = of_sku
      and coalesce(try_cast(record as json) ->> 'market' = of_market, true)
  ) as broken
  union all by name
  select 10 as no, 'check' as step, 'runs.checks' as "table", date, verdict."table" || ' ' || "check" as key, to_json(verdict) as value
  from (from runs.checks where date = of_day::date) as verdict
  union all by name
  select 11 as no, 'run' as step, 'runs.days' as "table", date, run_id as key, to_json(commit) as value
  from (select * exclude (tables, inputs) from day) as commit
),

files as (
  select file."table", file.partition as date, file.hash
  from (select unnest(tables) as file, sequence from runs.days)
  qualify row_number() over (partition by file."table", file.partition order by sequence desc) = 1
)

select
  found.no,
  found.step,
  found."table",
  found.key,
  found.value,
  'lake/' || replace(found."table", '.', '/') || coalesce(
    '/' || case found."table" when 'raw.quarantine' then 'received_on' when 'raw.promotions' then 'known_on' else 'date' end
    || '=' || found.date || '/' || files.hash || '.parquet',
    ''
  ) as source
from found
left join files on files."table" = found."table" and files.date = found.date
order by found.no, found."table", found.key;
{% endmacro %}
