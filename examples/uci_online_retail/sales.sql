-- Every line of the file, filtered by nothing: lines accepted and lines in quarantine add up to the file.
-- C-invoices are returns. Codes that do not start with five digits are no products: postage, carriage, manual
-- entries, discounts, samples, fees, bad debts, gift vouchers and the marketplace's own codes.
SELECT
    CAST(InvoiceDate AS DATE) AS date,
    StockCode AS sku,
    Country AS market,
    Quantity AS quantity,
    UnitPrice AS unit_price,
    InvoiceNo LIKE 'C%' AS is_return,
    CASE WHEN NOT regexp_matches(StockCode, '^[0-9]{5}') THEN 'not a product' END AS quarantine,
    InvoiceNo AS line_invoice,
    Description AS line_description
FROM read_parquet(getvariable('UCI_ONLINE_RETAIL'))
