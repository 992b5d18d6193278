-- What was sold: one row per line of a receipt or invoice. Filter nothing: what is no sale of an article says why in
-- the column quarantine and is kept there, so that every line is accounted for.
--   date, sku, market   as in listings.sql
--   quantity            units; negative only where is_return
--   unit_price          per unit, more than 0
-- May be left out:
--   is_return    true where the units came back (default false)
--   quarantine   the reason why a line is no sale of an article, else null
--   currency, known_at   as in prices.sql
--   line_...     further columns, kept with rows that go to quarantine
-- A shop that only has daily totals selects units, revenue, returned_units instead of quantity and unit_price.
SELECT
    day                                                  AS date,
    article                                              AS sku,
    'UK'                                                 AS market,
    quantity,
    unit_price,
    quantity < 0                                         AS is_return,
    CASE WHEN article = 'POSTAGE' THEN 'not an article' END AS quarantine,
    receipt                                              AS line_receipt
FROM read_csv(getvariable('MY_SHOP_RECEIPTS'), types = {'article': 'VARCHAR', 'receipt': 'VARCHAR'})
