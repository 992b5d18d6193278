{#- Several conditions hold in every row; the failing rows say which does not. Null passes: `present` says where it may
    not be. One test of many conditions, because each test of a run costs about as much as a small mart. -#}
{% test holds_all(model, conditions) %}
  {%- for condition in conditions %}
  select '{{ condition | replace("'", "''") }}' as broken
  from {{ model }}
  where not coalesce({{ condition }}, true)
  {{ '' if loop.last else 'union all' }}
  {%- endfor %}
{% endtest %}
