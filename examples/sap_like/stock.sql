-- Stock at the end of the day.
SELECT
    SUBSTR(s.datum, 1, 4) || '-' || SUBSTR(s.datum, 5, 2) || '-' || SUBSTR(s.datum, 7, 2) AS date,
    s.matnr AS sku,
    s.vkorg AS market,
    s.changed_at || '+00:00' AS known_at,
    s.on_hand,
    s.opening_stock AS opening,
    s.sold_out_hours,
    SUBSTR(s.oldest_receipt, 1, 4) || '-' || SUBSTR(s.oldest_receipt, 5, 2) || '-' || SUBSTR(s.oldest_receipt, 7, 2)
        AS oldest_received_on
FROM daily_stock s
WHERE s.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
   OR s.datum > REPLACE(:latest_day, '-', '')
   OR s.datum IS NULL OR s.datum NOT IN (SELECT datum FROM calendar_days)
