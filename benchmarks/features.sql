-- The feature snapshot of one day in SQL, for DuckDB: the rival of pricing_assets.features.snapshot.
-- Parameters: $day, $cutoff (what the day may know, UTC), $folder; table `holidays` (market, is_holiday).
-- Every stage that is read twice is MATERIALIZED. Corrections are resolved by arg_max column by column: half the CPU
-- of a window function or of an arg_max over a struct (kept where a column may be null, on the rows of one day). A
-- change of price is found by two aggregates instead of a sort by date.
WITH listed AS MATERIALIZED (
    SELECT date, sku, market
    FROM read_parquet($folder || '/listings/*.parquet')
    WHERE date = $day AND known_at < $cutoff
    GROUP BY ALL
    HAVING arg_max(on_sale, known_at)
),
today AS MATERIALIZED (
    SELECT sku, market, price_type,
        arg_max({price: price, cost: cost, currency: currency, price_kind: price_kind, cost_source: cost_source},
                known_at) AS row
    FROM read_parquet($folder || '/prices/*.parquet')
    WHERE date = $day AND known_at < $cutoff
    GROUP BY ALL
),
current_row AS MATERIALIZED (
    SELECT sku, market, unnest(row) FROM today WHERE price_type = 'current'
),
prices AS MATERIALIZED (
    SELECT date, sku, market, arg_max(price, known_at) AS price, arg_max_null(cost, known_at) AS cost,
        arg_max(currency, known_at) AS currency
    FROM read_parquet($folder || '/prices/*.parquet')
    WHERE date > $day - 365 AND date <= $day AND known_at < $cutoff AND price_type = 'current'
    GROUP BY ALL
),
past AS MATERIALIZED (
    SELECT p.sku, p.market, p.date, p.price, p.cost, p.currency, c.price AS now
    FROM prices p JOIN current_row c ON p.sku = c.sku AND p.market = c.market AND p.currency = c.currency
),
history AS MATERIALIZED (
    SELECT sku, market,
        max(price) AS highest, min(price) AS lowest_year, min(price) FILTER (date > $day - 30) AS lowest_month,
        arg_max(price, date) FILTER (date <= $day - 1) AS before_1,
        arg_max(price, date) FILTER (date <= $day - 7) AS before_7,
        arg_max(price, date) FILTER (date <= $day - 28) AS before_28,
        count(*) FILTER (date > $day - 14) AS prices_14,
        stddev_pop(price::DOUBLE) FILTER (date > $day - 14) AS deviation,
        avg(price::DOUBLE) FILTER (date > $day - 14) AS mean,
        max(date) FILTER (price <> now) AS last_other
    FROM past GROUP BY ALL
),
changed AS (
    SELECT p.sku, p.market, min(p.date) AS changed_on
    FROM past p JOIN history h ON p.sku = h.sku AND p.market = h.market AND p.date > h.last_other
    GROUP BY ALL
),
list_row AS (
    SELECT sku, market, row.price AS price, row.currency AS currency
    FROM today WHERE price_type = 'list'
),
sold AS MATERIALIZED (
    SELECT date, sku, market, arg_max(units, known_at) AS units, arg_max(returned_units, known_at) AS returned,
        arg_max(revenue, known_at) AS revenue, arg_max(currency, known_at) AS currency
    FROM read_parquet($folder || '/sales/*.parquet')
    WHERE date > $day - 56 AND date <= $day AND known_at < $cutoff
    GROUP BY ALL
),
sales AS (
    SELECT sku, market,
        sum(units) FILTER (date > $day - 7) AS units_7d,
        sum(units) FILTER (date > $day - 28) AS units_28d,
        sum(units) AS units_56d,
        sum(returned) FILTER (date > $day - 28) AS returned_28d,
        sum(revenue) FILTER (date > $day - 7) AS revenue_7d,
        sum(revenue) FILTER (date > $day - 28) AS revenue_28d,
        sum(revenue) AS revenue_56d,
        min(currency) FILTER (date > $day - 7) AS low_7, max(currency) FILTER (date > $day - 7) AS high_7,
        min(currency) FILTER (date > $day - 28) AS low_28, max(currency) FILTER (date > $day - 28) AS high_28,
        min(currency) AS low_56, max(currency) AS high_56,
        max(date) FILTER (units > 0) AS sold_on
    FROM sold GROUP BY ALL
),
price_ages AS (
    SELECT sku, market, $day - max(date) AS age FROM prices GROUP BY ALL
),
planned AS (
    SELECT sku, market, target_date AS date
    FROM read_parquet($folder || '/promotions/*.parquet')
    WHERE known_on BETWEEN target_date - 182 AND target_date - 1
        AND target_date BETWEEN $day - 182 AND $day - 1
    GROUP BY ALL HAVING arg_max_null(planned_price, known_on) IS NOT NULL
),
unplanned AS MATERIALIZED (
    SELECT p.* FROM past p ANTI JOIN planned d ON p.sku = d.sku AND p.market = d.market AND p.date = d.date
    WHERE p.date >= $day - 182 AND p.date < $day
),
kept AS (
    SELECT sku, market, 100 * (sum(price) - sum(cost))::DOUBLE / sum(price)::DOUBLE AS margin
    FROM unplanned WHERE cost IS NOT NULL GROUP BY ALL HAVING count(*) >= 14
),
ordinary AS MATERIALIZED (
    SELECT p.sku, p.market, p.date, p.price, p.currency,
        CASE WHEN p.cost IS NOT NULL THEN 100 * (p.price - p.cost)::DOUBLE / p.price END AS margin
    FROM unplanned p WHERE p.date >= $day - 56
),
middles AS (
    SELECT sku, market, count(*) AS prices, quantile_disc(price, 0.5) AS price,
        count(margin) AS margins, quantile_disc(margin, 0.5) AS margin
    FROM ordinary GROUP BY ALL
),
usual AS (
    SELECT o.sku, o.market,
        CASE WHEN any_value(m.prices) >= 14 THEN any_value(m.price) END AS price,
        CASE WHEN any_value(m.prices) >= 14 THEN
            list_sort(list(abs(o.price - m.price)))[1 + (any_value(m.prices) - 1) * 8 // 10] END AS price_move,
        CASE WHEN any_value(m.margins) >= 14 THEN any_value(m.margin) END AS margin,
        CASE WHEN any_value(m.margins) >= 14 THEN list_sort(list(abs(o.margin - m.margin))
            FILTER (o.margin IS NOT NULL))[1 + (any_value(m.margins) - 1) * 8 // 10] END AS margin_move
    FROM ordinary o JOIN middles m ON o.sku = m.sku AND o.market = m.market
    GROUP BY ALL
),
watched AS MATERIALIZED (
    SELECT sku, market, competitor, date, price, currency, in_stock,
        least(date + 7, coalesce(lead(date) OVER (PARTITION BY sku, market, competitor ORDER BY date), date + 7)) AS until
    FROM read_parquet($folder || '/competitor_snapshots/*.parquet')
    WHERE date > $day - 35 AND date <= $day
),
lowest AS (
    SELECT sku, market, unnest(range(0, until - date))::INTEGER + date AS date, currency, price
    FROM watched WHERE in_stock IS DISTINCT FROM false
),
gaps AS MATERIALIZED (
    SELECT o.sku, o.market, o.date, 100 * (o.price - min(l.price))::DOUBLE / min(l.price) AS gap
    FROM ordinary o JOIN lowest l
        ON o.sku = l.sku AND o.market = l.market AND o.date = l.date AND o.currency = l.currency
    WHERE o.date >= $day - 28
    GROUP BY o.sku, o.market, o.date, o.price
),
middle_gaps AS (
    SELECT sku, market, count(*) AS gaps, quantile_disc(gap, 0.5) AS gap FROM gaps GROUP BY ALL HAVING count(*) >= 14
),
usual_gaps AS (
    SELECT g.sku, g.market, any_value(m.gap) AS gap,
        list_sort(list(abs(g.gap - m.gap)))[1 + (any_value(m.gaps) - 1) * 8 // 10] AS move
    FROM gaps g JOIN middle_gaps m ON g.sku = m.sku AND g.market = m.market
    GROUP BY ALL
),
watched_days AS (
    SELECT sku, market, count(DISTINCT date) FILTER (date < $day) AS days, max(date) AS last
    FROM watched WHERE date >= $day - 14 GROUP BY ALL
),
sold_days AS (
    SELECT sku, market, count(*) FILTER (date >= $day - 14 AND date < $day) AS days, max(date) AS last,
        bool_or(date = $day - 7) AND bool_or(date = $day - 14) AS weekly,
        count(*) FILTER (units = 0 AND returned = 0) AS idle
    FROM sold GROUP BY ALL
),
idle_markets AS (
    SELECT l.market FROM listed l JOIN sold_days d ON l.sku = d.sku AND l.market = d.market
    GROUP BY ALL HAVING sum(d.idle) > 0
),
stock_days AS (
    SELECT sku, market, count(DISTINCT date) FILTER (date < $day) AS days, max(date) AS last,
        bool_or(date = $day - 7) AND bool_or(date = $day - 14) AS weekly
    FROM read_parquet($folder || '/stock/*.parquet')
    WHERE date >= $day - 14 AND date <= $day AND known_at < $cutoff
    GROUP BY ALL
),
plans_today AS (
    SELECT sku, market, arg_max({price: planned_price, currency: currency}, known_on) AS row
    FROM read_parquet($folder || '/promotions/*.parquet')
    WHERE known_on > $day - 365 AND known_on < $day AND target_date = $day
    GROUP BY ALL
),
stock AS (
    SELECT sku, market, arg_max({on_hand: on_hand, received: oldest_received_on}, known_at) AS row
    FROM read_parquet($folder || '/stock/*.parquet')
    WHERE date = $day AND known_at < $cutoff
    GROUP BY ALL
),
plans AS (
    SELECT sku, market, arg_max({price: planned_price, currency: currency}, known_on) AS row
    FROM read_parquet($folder || '/promotions/*.parquet')
    WHERE known_on > $day - 365 AND known_on <= $day AND target_date = $day + 1
    GROUP BY ALL
),
snapshots AS (
    SELECT sku, market, competitor, arg_max({price: price, currency: currency, in_stock: in_stock}, date) AS row
    FROM read_parquet($folder || '/competitor_snapshots/*.parquet')
    WHERE date > $day - 7 AND date <= $day
    GROUP BY ALL
),
rivals AS (
    SELECT s.sku, s.market, count(*) AS rivals, min(s.row.price) AS lowest,
        quantile_disc(s.row.price, 0.5) AS middle, max(s.row.price) AS highest,
        count(*) FILTER (s.row.price < c.price) AS cheaper
    FROM snapshots s JOIN current_row c ON s.sku = c.sku AND s.market = c.market AND s.row.currency = c.currency
    WHERE s.row.in_stock IS DISTINCT FROM false
    GROUP BY ALL
),
products AS (
    SELECT sku, category, brand, TRY_CAST(json_extract_string(attributes, '$.map_price') AS DECIMAL(18, 4)) AS map_price
    FROM read_parquet($folder || '/products/*.parquet')
    WHERE date = $day
),
joined AS MATERIALIZED (
    SELECT l.date, l.sku, l.market, p.category, p.brand, c.currency,
        c.price AS current_price,
        CASE WHEN c.price IS NOT NULL THEN coalesce(lr.price, h.highest) END AS list_price,
        c.price_kind, c.cost, c.cost_source,
        CASE WHEN p.map_price > 0 THEN p.map_price END AS map_price,
        h.* EXCLUDE (sku, market), ch.changed_on,
        CASE WHEN coalesce(pl.row.currency, c.currency) = c.currency THEN pl.row.price END AS planned_price,
        r.* EXCLUDE (sku, market, highest), r.highest AS rival_highest,
        coalesce(s.units_7d, 0)::BIGINT AS units_7d, coalesce(s.units_28d, 0)::BIGINT AS units_28d,
        coalesce(s.units_56d, 0)::BIGINT AS units_56d, coalesce(s.returned_28d, 0)::BIGINT AS returned_28d,
        CASE WHEN s.low_7 IS NULL OR (s.low_7 = c.currency AND s.high_7 = c.currency)
            THEN coalesce(s.revenue_7d, 0) END AS revenue_7d,
        CASE WHEN s.low_28 IS NULL OR (s.low_28 = c.currency AND s.high_28 = c.currency)
            THEN coalesce(s.revenue_28d, 0) END AS revenue_28d,
        CASE WHEN s.low_56 IS NULL OR (s.low_56 = c.currency AND s.high_56 = c.currency)
            THEN coalesce(s.revenue_56d, 0) END AS revenue_56d,
        u.price AS usual_price, u.price_move, u.margin AS usual_margin, u.margin_move,
        ug.gap AS usual_gap, ug.move AS gap_move, pa.age AS price_age, k.margin AS margin_182d,
        CASE WHEN coalesce(pt.row.currency, c.currency) = c.currency THEN pt.row.price END AS planned_price_today,
        concat_ws(',',
            CASE WHEN c.price IS NULL THEN 'price' END,
            CASE WHEN wd.days >= 12 AND wd.last < $day THEN 'rivals' END,
            CASE WHEN sd.days >= 9 AND sd.weekly AND sd.last < $day AND im.market IS NOT NULL THEN 'sales' END,
            CASE WHEN kd.days >= 9 AND kd.weekly AND kd.last < $day THEN 'stock' END) AS missing_data,
        s.sold_on, st.row AS stock, hd.is_holiday
    FROM listed l
    LEFT JOIN current_row c ON l.sku = c.sku AND l.market = c.market
    LEFT JOIN list_row lr ON l.sku = lr.sku AND l.market = lr.market AND lr.currency = c.currency
    LEFT JOIN history h ON l.sku = h.sku AND l.market = h.market
    LEFT JOIN changed ch ON l.sku = ch.sku AND l.market = ch.market
    LEFT JOIN products p ON l.sku = p.sku
    LEFT JOIN plans pl ON l.sku = pl.sku AND l.market = pl.market
    LEFT JOIN rivals r ON l.sku = r.sku AND l.market = r.market
    LEFT JOIN sales s ON l.sku = s.sku AND l.market = s.market
    LEFT JOIN stock st ON l.sku = st.sku AND l.market = st.market
    LEFT JOIN usual u ON c.price IS NOT NULL AND l.sku = u.sku AND l.market = u.market
    LEFT JOIN kept k ON c.price IS NOT NULL AND l.sku = k.sku AND l.market = k.market
    LEFT JOIN usual_gaps ug ON c.price IS NOT NULL AND l.sku = ug.sku AND l.market = ug.market
    LEFT JOIN price_ages pa ON l.sku = pa.sku AND l.market = pa.market
    LEFT JOIN plans_today pt ON l.sku = pt.sku AND l.market = pt.market
    LEFT JOIN watched_days wd ON l.sku = wd.sku AND l.market = wd.market
    LEFT JOIN sold_days sd ON l.sku = sd.sku AND l.market = sd.market
    LEFT JOIN idle_markets im ON l.market = im.market
    LEFT JOIN stock_days kd ON l.sku = kd.sku AND l.market = kd.market
    LEFT JOIN holidays hd ON l.market = hd.market
),
priced AS MATERIALIZED (
    SELECT *, 100 * (current_price - cost)::DOUBLE / current_price AS margin_pct FROM joined
),
categories AS (
    SELECT market, category, count(*) AS skus, sum(units_28d) AS units, sum(units_56d - units_28d) AS before,
        quantile_disc(margin_pct, 0.5) AS margin
    FROM priced WHERE category IS NOT NULL GROUP BY ALL
)
SELECT p.date, p.sku, p.market, p.category, p.brand, p.currency, p.current_price, p.list_price, p.price_kind,
    p.cost, p.cost_source, p.map_price,
    100 * p.cost::DOUBLE / p.current_price AS cost_pct,
    p.margin_pct,
    100 * (p.current_price - p.before_1)::DOUBLE / p.before_1 AS price_change_1d_pct,
    100 * (p.current_price - p.before_7)::DOUBLE / p.before_7 AS price_change_7d_pct,
    100 * (p.current_price - p.before_28)::DOUBLE / p.before_28 AS price_change_28d_pct,
    CASE WHEN p.prices_14 >= 2 THEN p.deviation / p.mean END AS price_volatility_14d,
    p.date - p.changed_on AS days_since_price_change,
    p.lowest_month AS lowest_price_30d, p.lowest_year AS lowest_price_365d, p.highest AS highest_price_365d,
    100 * (p.list_price - p.current_price)::DOUBLE / p.list_price AS promotion_depth_pct,
    p.planned_price,
    CASE WHEN p.current_price IS NOT NULL THEN coalesce(p.rivals, 0) END AS competitor_count,
    p.lowest AS competitor_min, p.middle AS competitor_median, p.rival_highest AS competitor_max,
    100 * (p.current_price - p.lowest)::DOUBLE / p.lowest AS competitor_delta_pct,
    p.cheaper / p.rivals AS price_position,
    p.usual_price, 100 * p.price_move::DOUBLE / p.usual_price AS usual_price_move_pct,
    p.usual_margin AS usual_margin_pct, p.margin_move AS usual_margin_move,
    p.margin_182d AS margin_182d_pct,
    p.usual_gap AS usual_competitor_delta_pct, p.gap_move AS usual_competitor_delta_move,
    p.planned_price_today, p.price_age AS price_age_days, p.missing_data,
    p.units_7d, p.units_28d, p.units_56d,
    CASE WHEN p.currency IS NOT NULL THEN p.revenue_7d END AS revenue_7d,
    CASE WHEN p.currency IS NOT NULL THEN p.revenue_28d END AS revenue_28d,
    CASE WHEN p.currency IS NOT NULL THEN p.revenue_56d END AS revenue_56d,
    p.returned_28d AS returned_units_28d,
    100 * (2 * p.units_28d - p.units_56d) / nullif(p.units_56d - p.units_28d, 0) AS units_trend_pct,
    p.date - p.sold_on AS days_since_sale,
    p.stock.on_hand AS on_hand,
    28 * p.stock.on_hand / nullif(p.units_28d, 0) AS days_of_cover,
    CASE WHEN p.stock.received <= p.date THEN p.date - p.stock.received END AS stock_age_days,
    isodow(p.date) AS weekday, month(p.date) AS month, dayofyear(p.date) AS day_of_year, p.is_holiday,
    k.skus AS category_skus, k.units AS category_units_28d,
    100 * (k.units - k.before) / nullif(k.before, 0) AS category_units_trend_pct,
    100 * p.units_28d / nullif(k.units, 0) AS category_share_pct,
    k.margin AS category_median_margin_pct,
    '' AS absent_tables
FROM priced p LEFT JOIN categories k ON p.market = k.market AND p.category = k.category
ORDER BY p.date, p.sku, p.market
