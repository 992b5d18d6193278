-- What is on sale: one row per day, article and market. Exactly these are priced.
--   date   the day         (DATE, or text YYYY-MM-DD)
--   sku    the article     (text)
--   market the market      (one of the markets in source.yaml)
-- May be left out:
--   on_sale  default true; false takes back a row the platform has seen before,
--            e.g. discontinued_on IS NULL OR date < discontinued_on AS on_sale (a flag as of today would reach the past)
--   known_at when the row was first known; default: the end of its day
-- Relative paths start at this folder. read_csv guesses columns and types; name its options where it guesses wrong:
--   read_csv('x.csv', delim = ';', decimal_separator = ',', types = {'article': 'VARCHAR'})
SELECT
    day     AS date,
    article AS sku,
    'UK'    AS market
FROM read_csv('data/assortment.csv', types = {'article': 'VARCHAR'})
