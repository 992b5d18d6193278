{#- A condition over one column or several holds in every row. Null passes: not_null says where it may not be. -#}
{% test holds(model, condition, column_name=none) %}
  select *
  from {{ model }}
  where not coalesce({{ condition }}, true)
{% endtest %}
