-- What SPF, DKIM and DMARC said of a mail when it arrived. Null: nobody looked, as of every mail before this.
alter table mail_contents add column authentication json;
