-- On sale on each day from datab to datbi, since the books begin: their first day with a price.
SELECT
    SUBSTR(c.datum, 1, 4) || '-' || SUBSTR(c.datum, 5, 2) || '-' || SUBSTR(c.datum, 7, 2) AS date,
    l.matnr AS sku,
    l.vkorg AS market,
    NULL    AS quarantine
FROM sales_org_listings l
JOIN calendar_days c ON c.datum BETWEEN l.datab AND l.datbi
WHERE c.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
  AND c.datum >= (SELECT MIN(p.datum) FROM daily_prices p JOIN calendar_days d ON d.datum = p.datum)
  AND l.datab IN (SELECT datum FROM calendar_days)
  AND (l.datbi = '99991231' OR l.datbi IN (SELECT datum FROM calendar_days))
UNION ALL
-- A listing whose days are none would vanish in the join: it comes as one row, dated datab, with the reason.
SELECT
    SUBSTR(l.datab, 1, 4) || '-' || SUBSTR(l.datab, 5, 2) || '-' || SUBSTR(l.datab, 7, 2) AS date,
    l.matnr AS sku,
    l.vkorg AS market,
    'listed from ' || COALESCE(l.datab, 'nothing') || ' to ' || COALESCE(l.datbi, 'nothing') AS quarantine
FROM sales_org_listings l
WHERE l.datab IS NULL OR l.datab NOT IN (SELECT datum FROM calendar_days)
   OR l.datbi IS NULL OR l.datbi <> '99991231' AND l.datbi NOT IN (SELECT datum FROM calendar_days)
   OR l.datbi < l.datab
