-- What was planned for which day, and since when that was known. The day of a row is the day it became known.
SELECT
    SUBSTR(p.erdat, 1, 4) || '-' || SUBSTR(p.erdat, 5, 2) || '-' || SUBSTR(p.erdat, 7, 2) AS known_on,
    SUBSTR(p.datum, 1, 4) || '-' || SUBSTR(p.datum, 5, 2) || '-' || SUBSTR(p.datum, 7, 2) AS target_date,
    p.matnr AS sku,
    p.vkorg AS market,
    p.planned_price,
    p.waers      AS currency,
    p.in_leaflet AS feature,
    p.on_display AS display,
    p.promo_type
FROM planned_promotions p
WHERE p.erdat BETWEEN REPLACE(:first_day, '-', '') AND REPLACE(:last_day, '-', '')
   OR p.erdat > REPLACE(:latest_day, '-', '')
   OR p.erdat IS NULL OR p.erdat NOT IN (SELECT datum FROM calendar_days)
