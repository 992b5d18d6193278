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
prices AS (
    SELECT date, sku, market, arg_max(price, known_at) AS price, arg_max(currency, known_at) AS currency
    FROM read_parquet($folder || '/prices/*.parquet')
    WHERE date > $day - 365 AND date <= $day AND known_at < $cutoff AND price_type = 'current'
    GROUP BY ALL
),
past AS MATERIALIZED (
    SELECT p.sku, p.market, p.date, p.price, c.price AS now
    FROM prices p JOIN current_row c ON p.sku = c.sku AND p.market = c.market AND p.currency = c.currency
),
history AS MATERIALIZED (
    SELECT sku, market,
        max(price) AS highest,
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
sold AS (
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
        h.*  EXCLUDE (sku, market), ch.changed_on,
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
    100 * (p.list_price - p.current_price)::DOUBLE / p.list_price AS promotion_depth_pct,
    p.planned_price,
    CASE WHEN p.current_price IS NOT NULL THEN coalesce(p.rivals, 0) END AS competitor_count,
    p.lowest AS competitor_min, p.middle AS competitor_median, p.rival_highest AS competitor_max,
    100 * (p.current_price - p.lowest)::DOUBLE / p.lowest AS competitor_delta_pct,
    p.cheaper / p.rivals AS price_position,
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
