-- The price in force: one row per day, article and market (and price_type, where a shop has list and current prices).
--   date, sku, market   as in listings.sql
--   price               per unit, more than 0, at most 4 decimals
-- May be left out:
--   cost         per unit; without it there is no margin and no cost floor
--   cost_source  recorded (default) or assumed
--   price_type   current (default) or list
--   price_kind   posted (default) or realised (revenue divided by units)
--   currency     default from source.yaml
--   tax_basis    gross (default) or net
--   known_at     when the row was first known; default: the end of its day
SELECT
    day     AS date,
    article AS sku,
    'UK'    AS market,
    price,
    cost
FROM read_csv('data/assortment.csv', types = {'article': 'VARCHAR'})
