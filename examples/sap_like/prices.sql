-- One row of the books holds two prices: the list price, and the one customers pay.
WITH books AS (
    SELECT
        SUBSTR(p.datum, 1, 4) || '-' || SUBSTR(p.datum, 5, 2) || '-' || SUBSTR(p.datum, 7, 2) AS date,
        p.matnr AS sku,
        p.vkorg AS market,
        p.changed_at || '+00:00' AS known_at,
        p.list_price,
        p.current_price,
        p.cost,
        p.waers AS currency
    FROM daily_prices p
    WHERE p.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
       OR p.datum > REPLACE(:latest_day, '-', '')
       OR p.datum IS NULL OR p.datum NOT IN (SELECT datum FROM calendar_days)
)
SELECT date, sku, market, known_at, cost, currency, 'list' AS price_type,
    list_price AS price
FROM books
UNION ALL
SELECT date, sku, market, known_at, cost, currency, 'current' AS price_type,
    current_price AS price
FROM books
