{{ latest(source('decisions', 'price_book'), ['sku', 'market', 'effective_from'], by='entry_no') }}
