-- The catalogue of each day: materials as they are, on every day since the books begin.
SELECT
    SUBSTR(c.datum, 1, 4) || '-' || SUBSTR(c.datum, 5, 2) || '-' || SUBSTR(c.datum, 7, 2) AS date,
    m.matnr    AS sku,
    m.maktx    AS name,
    m.matkl    AS category,
    m.brand    AS brand,
    m.meins    AS unit_of_measure,
    m.pack_qty AS pack_quantity,
    SUBSTR(m.ersda, 1, 4) || '-' || SUBSTR(m.ersda, 5, 2) || '-' || SUBSTR(m.ersda, 7, 2) AS launched_on,
    CASE WHEN m.map_price IS NOT NULL THEN '{"map_price": ' || m.map_price || '}' END AS attributes
FROM calendar_days c
CROSS JOIN materials m
WHERE c.datum BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
  AND c.datum >= (SELECT MIN(p.datum) FROM daily_prices p JOIN calendar_days d ON d.datum = p.datum)
