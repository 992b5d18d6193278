-- The tables of the shop, as an ERP of the SAP kind keeps them. The one text serves SQLite, PostgreSQL and MySQL or
-- MariaDB; in SQLite, which has no exact decimals, DECIMAL columns are made TEXT.
--
-- Days are SAP's DATS: eight digits YYYYMMDD in a text, so that what is no day can be kept too ('', 20260231).
-- Moments are text in UTC: 2026-10-31 22:00:00.000000. The tables of facts have no keys: a row may come twice.

-- Every day there is, far back and far ahead: a text is a day if it stands here.
CREATE TABLE calendar_days (
    datum VARCHAR(8) NOT NULL PRIMARY KEY
);

-- Materials: the articles. One row each, as they are today.
CREATE TABLE materials (
    matnr     VARCHAR(40),
    maktx     VARCHAR(120),
    matkl     VARCHAR(40),
    brand     VARCHAR(60),
    meins     VARCHAR(20),
    pack_qty  DOUBLE PRECISION,
    ersda     VARCHAR(8),
    map_price DECIMAL(15,4)
);

-- Which material each sales organisation lists, from datab to datbi; 99991231 is without end.
CREATE TABLE sales_org_listings (
    matnr VARCHAR(40),
    vkorg VARCHAR(20),
    datab VARCHAR(8),
    datbi VARCHAR(8)
);

-- Prices per sales organisation and day. A correction is a further row with a later changed_at.
CREATE TABLE daily_prices (
    matnr         VARCHAR(40),
    vkorg         VARCHAR(20),
    datum         VARCHAR(8),
    list_price    DECIMAL(15,4),
    current_price DECIMAL(15,4),
    cost          DECIMAL(15,4),
    waers         VARCHAR(5),
    changed_at    VARCHAR(26)
);
CREATE INDEX daily_prices_datum ON daily_prices (datum);

-- What was sold and what came back, per day; revenue is of the units sold.
CREATE TABLE daily_sales (
    matnr          VARCHAR(40),
    vkorg          VARCHAR(20),
    datum          VARCHAR(8),
    units          BIGINT,
    returned_units BIGINT,
    revenue        DECIMAL(15,4),
    waers          VARCHAR(5),
    positions      BIGINT,
    changed_at     VARCHAR(26)
);
CREATE INDEX daily_sales_datum ON daily_sales (datum);

-- Stock at the end of the day, and when its oldest unit came in.
CREATE TABLE daily_stock (
    matnr          VARCHAR(40),
    vkorg          VARCHAR(20),
    datum          VARCHAR(8),
    on_hand        BIGINT,
    opening_stock  BIGINT,
    sold_out_hours DOUBLE PRECISION,
    oldest_receipt VARCHAR(8),
    changed_at     VARCHAR(26)
);
CREATE INDEX daily_stock_datum ON daily_stock (datum);

-- Promotions as planned: since erdat it was known that datum has one.
CREATE TABLE planned_promotions (
    matnr         VARCHAR(40),
    vkorg         VARCHAR(20),
    erdat         VARCHAR(8),
    datum         VARCHAR(8),
    planned_price DECIMAL(15,4),
    waers         VARCHAR(5),
    in_leaflet    SMALLINT,
    on_display    SMALLINT,
    promo_type    VARCHAR(40)
);
CREATE INDEX planned_promotions_erdat ON planned_promotions (erdat);

-- Rivals' prices as captured.
CREATE TABLE competitor_prices (
    matnr            VARCHAR(40),
    vkorg            VARCHAR(20),
    datum            VARCHAR(8),
    competitor       VARCHAR(40),
    price            DECIMAL(15,4),
    waers            VARCHAR(5),
    tax_basis        VARCHAR(10),
    shipping         DECIMAL(15,4),
    in_stock         SMALLINT,
    match_confidence DOUBLE PRECISION,
    captured_at      VARCHAR(26),
    url              VARCHAR(400)
);
CREATE INDEX competitor_prices_datum ON competitor_prices (datum);
