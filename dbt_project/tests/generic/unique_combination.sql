{#- The columns together are a key: no two rows share their values. -#}
{% test unique_combination(model, columns) %}
  select {{ columns | join(', ') }}, count(*) as rows
  from {{ model }}
  group by {{ columns | join(', ') }}
  having count(*) > 1
{% endtest %}
