{#- Each of the columns has a value in every row: one test where not_null would take many. -#}
{% test present(model, columns) %}
  select {{ columns | join(', ') }}
  from {{ model }}
  where {{ columns | join(' is null or ') }} is null
{% endtest %}
