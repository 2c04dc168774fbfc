DROP TABLE pass;
ALTER TABLE survey_answer DROP COLUMN choices_json;
DROP TABLE waiting_answer;
