-- A SKU is on sale in a market on day D where it was sold there within the 56 days that end on D.
-- Sold: a product (its code starts with five digits), units and price above zero, not a C-invoice (a return).
-- Only days with any line are days of trade; on the others the shop lists nothing.
-- A sale lists its pair until the next sale of the pair, at most 56 days: so no later line changes an earlier day.
WITH lines AS (
    SELECT *, CAST(InvoiceDate AS DATE) AS day
    FROM read_parquet(getvariable('UCI_ONLINE_RETAIL'))
),
trading_days AS (
    SELECT DISTINCT day FROM lines WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
),
sold AS (
    SELECT DISTINCT day, StockCode AS sku, Country AS market
    FROM lines
    WHERE regexp_matches(StockCode, '^[0-9]{5}') AND InvoiceNo NOT LIKE 'C%' AND Quantity > 0 AND UnitPrice > 0
),
spans AS (
    SELECT sku, market, day AS since,
        least(day + 55, lead(day) OVER (PARTITION BY sku, market ORDER BY day) - 1) AS until
    FROM sold
)
SELECT trading_days.day AS date, sku, market
FROM spans
JOIN trading_days ON trading_days.day BETWEEN spans.since AND spans.until
