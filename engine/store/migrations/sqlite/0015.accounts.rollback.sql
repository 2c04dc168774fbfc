DROP TABLE request;
DROP TABLE access;
DROP TABLE account;
