{#- The row of each key with the highest value of a column: corrections and later commits win. -#}
{% macro latest(relation, key, by) %}
  select *
  from {{ relation }}
  qualify row_number() over (partition by {{ key | join(', ') }} order by {{ by }} desc) = 1
{% endmacro %}
