-- The catalogue as it stood each day: for every SKU listed anywhere that day, the latest description by then.
-- The shop has no categories and no brands.
WITH lines AS (
    SELECT *, CAST(InvoiceDate AS DATE) AS day
    FROM read_parquet(getvariable('UCI_ONLINE_RETAIL'))
),
trading_days AS (
    SELECT DISTINCT day FROM lines WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
),
sold AS (
    SELECT day, StockCode AS sku, max_by(Description, (InvoiceDate, InvoiceNo, Description)) AS name
    FROM lines
    WHERE regexp_matches(StockCode, '^[0-9]{5}') AND InvoiceNo NOT LIKE 'C%' AND Quantity > 0 AND UnitPrice > 0
    GROUP BY ALL
),
spans AS (
    SELECT sku, day AS since,
        least(day + 55, lead(day) OVER (PARTITION BY sku ORDER BY day) - 1) AS until,
        last_value(name IGNORE NULLS) OVER (PARTITION BY sku ORDER BY day) AS name
    FROM sold
)
SELECT trading_days.day AS date, sku, trim(name) AS name, NULL AS category
FROM spans
JOIN trading_days ON trading_days.day BETWEEN spans.since AND spans.until
