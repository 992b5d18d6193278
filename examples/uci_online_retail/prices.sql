-- The shop kept no price list: the price of a day is realised, revenue divided by units of the lines sold that day,
-- rounded half to even to the penny, and carried forward to each day the pair is listed (see listings.sql).
-- UnitPrice has at most 3 decimals: ten-thousandths are whole numbers, and from there all arithmetic is exact.
--
-- The shop kept no costs either: cost is assumed to be 60 % of the median realised price of the pair over the 365
-- days up to the sale (the lower of two middle values), and marked `assumed`.
WITH lines AS (
    SELECT *, CAST(InvoiceDate AS DATE) AS day, CAST(round(UnitPrice * 10000) AS BIGINT) AS ten_thousandths
    FROM read_parquet(getvariable('UCI_ONLINE_RETAIL'))
),
trading_days AS (
    SELECT DISTINCT day FROM lines WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
),
days_sold AS (
    SELECT day, StockCode AS sku, Country AS market,
        CAST(sum(Quantity * ten_thousandths) AS BIGINT) AS revenue, -- in ten-thousandths
        100 * CAST(sum(Quantity) AS BIGINT) AS units                -- times 100: revenue // units is in pence
    FROM lines
    WHERE regexp_matches(StockCode, '^[0-9]{5}') AND InvoiceNo NOT LIKE 'C%' AND Quantity > 0 AND UnitPrice > 0
    GROUP BY ALL
),
realised AS (
    SELECT day, sku, market,
        revenue // units + CASE
            WHEN 2 * (revenue % units) > units THEN 1
            WHEN 2 * (revenue % units) = units THEN (revenue // units) % 2
            ELSE 0
        END AS pence
    FROM days_sold
),
spans AS (
    SELECT sku, market, pence, day AS since,
        least(day + 55, lead(day) OVER (PARTITION BY sku, market ORDER BY day) - 1) AS until,
        quantile_disc(pence, 0.5) OVER (
            PARTITION BY sku, market ORDER BY day RANGE BETWEEN INTERVAL 364 DAYS PRECEDING AND CURRENT ROW
        ) AS usual_pence
    FROM realised
)
SELECT
    trading_days.day AS date,
    sku,
    market,
    CAST(pence * CAST(0.01 AS DECIMAL(4, 2)) AS DECIMAL(18, 4)) AS price,
    CAST(usual_pence * CAST(0.006 AS DECIMAL(4, 3)) AS DECIMAL(18, 4)) AS cost, -- 60 %
    'assumed' AS cost_source,
    'realised' AS price_kind,
    'current' AS price_type
FROM spans
JOIN trading_days ON trading_days.day BETWEEN spans.since AND spans.until
