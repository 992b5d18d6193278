-- Totals of the day. The last lines of WHERE let rows pass that are dated in the future or on no day: they are
-- received, and quarantined by name, instead of going unseen. All files of this shop end so.
SELECT
    SUBSTR(s.datum, 1, 4) || '-' || SUBSTR(s.datum, 5, 2) || '-' || SUBSTR(s.datum, 7, 2) AS date,
    s.matnr AS sku,
    s.vkorg AS market,
    s.changed_at || '+00:00' AS known_at,
    s.units,
    s.returned_units,
    s.revenue,
    s.waers     AS currency,
    s.positions AS source_lines
FROM daily_sales s
WHERE s.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
   OR s.datum > REPLACE(:latest_day, '-', '')
   OR s.datum IS NULL OR s.datum NOT IN (SELECT datum FROM calendar_days)
