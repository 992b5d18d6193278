{#- Names without the catalog: the compiled SQL, and so the stored views, must hold no file name, because the draft is
    renamed once it is finished and analysts attach it under names of their own. -#}

{% macro ref() %}
  {% do return(builtins.ref(*varargs, **kwargs).include(database=false)) %}
{% endmacro %}

{% macro source() %}
  {% do return(builtins.source(*varargs, **kwargs).include(database=false)) %}
{% endmacro %}

{#- Schemas are what the models say: marts, not main_marts. -#}
{% macro generate_schema_name(custom_schema_name, node) %}
  {%- do return((custom_schema_name or target.schema) | trim) -%}
{% endmacro %}
