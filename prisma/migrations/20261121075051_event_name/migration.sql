-- Socket.IO keeps `connect`, `disconnect` and a few more to itself: an event of that name, logged through `append`, could never be
-- sent, and would stop its room. Not validated: a long log is not read for it, and what is in it was sent.
ALTER TABLE "Event" ADD CONSTRAINT "Event_name" CHECK ("name" ~ '^[a-z]+:[a-z-]+$') NOT VALID;
