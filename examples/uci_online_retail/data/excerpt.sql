-- How the excerpt was cut from the whole file; run by DuckDB in this folder:
--   duckdb -c "SET VARIABLE whole = 'online_retail.parquet'" -f excerpt.sql
-- Products: in four markets, 96 codes sold in at least three of them in the last 56 days, with 100 to 700 lines, and
-- of these the ones returned most. Codes written off on 22 December 2010 are left out: in so few lines they would stop
-- that day.
-- Kept of them: every line, returns and faulty lines too. No products: the lines that share an invoice with one of
-- the products, and all lines of the rarer codes.
COPY (
    WITH whole AS (
        SELECT *, StockCode SIMILAR TO '[0-9]{5}.*' AS product
        FROM read_parquet(getvariable('whole'))
        WHERE Country IN ('United Kingdom', 'Germany', 'France', 'EIRE')
    ),
    chosen AS (
        SELECT StockCode
        FROM whole
        WHERE product
        GROUP BY StockCode
        HAVING count(*) BETWEEN 100 AND 700
            AND count(DISTINCT Country) FILTER (InvoiceDate >= DATE '2011-10-15' AND Quantity > 0 AND UnitPrice > 0) >= 3
            AND count(*) FILTER (CAST(InvoiceDate AS DATE) = DATE '2010-12-22' AND UnitPrice = 0) = 0
        ORDER BY count(*) FILTER (Quantity < 0) DESC, StockCode
        LIMIT 96
    ),
    invoices AS (SELECT DISTINCT InvoiceNo FROM whole SEMI JOIN chosen USING (StockCode))
    SELECT * EXCLUDE (product)
    FROM whole
    WHERE StockCode IN (FROM chosen)
        OR (NOT product AND (InvoiceNo IN (FROM invoices) OR StockCode IN ('B', 'D', 'BANK CHARGES', 'CRUK', 'PADS')))
    ORDER BY InvoiceDate, InvoiceNo, StockCode, Quantity, UnitPrice, CustomerID
) TO 'uci_online_retail_excerpt.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19)
