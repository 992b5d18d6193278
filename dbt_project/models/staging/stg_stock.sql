{{ latest(source('raw', 'stock'), ['date', 'sku', 'market'], by='known_at') }}
