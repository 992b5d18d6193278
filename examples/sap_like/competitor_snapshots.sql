-- Rivals' prices as captured.
SELECT
    SUBSTR(c.datum, 1, 4) || '-' || SUBSTR(c.datum, 5, 2) || '-' || SUBSTR(c.datum, 7, 2) AS date,
    c.matnr AS sku,
    c.vkorg AS market,
    c.competitor,
    c.price,
    c.waers AS currency,
    c.tax_basis,
    c.shipping,
    c.in_stock,
    c.match_confidence,
    c.captured_at || '+00:00' AS captured_at,
    c.url
FROM competitor_prices c
WHERE c.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
   OR c.datum > REPLACE(:latest_day, '-', '')
   OR c.datum IS NULL OR c.datum NOT IN (SELECT datum FROM calendar_days)
