{{ latest(source('runs', 'days'), ['date'], by='sequence') }}
