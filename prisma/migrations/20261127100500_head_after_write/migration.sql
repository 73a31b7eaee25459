-- By hand. The last statement of a write: stamps its events, as COMMIT would, and returns where the log of `room` stands with them. The
-- room's counter is locked until the commit, so no other write comes between.
CREATE FUNCTION head_after_write(room text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN (SELECT "head" FROM "Room" WHERE "id" = room);
END $$;
