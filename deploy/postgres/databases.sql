-- The three databases of a deployment, made once, when the server's data folder is new.
CREATE DATABASE dagster;
CREATE DATABASE governance;
CREATE DATABASE mlflow;
