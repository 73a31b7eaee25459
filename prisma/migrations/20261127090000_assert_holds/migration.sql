-- By hand. A write that assumes something asserts it in its own transaction (access/scope-cache.ts); where it does not hold, the write
-- fails with an SQLSTATE that nothing else has, and is tried again without the assumption.
CREATE FUNCTION assert_holds(holds boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS NOT TRUE THEN
    RAISE EXCEPTION 'an assumption of this write does not hold' USING ERRCODE = 'CR001';
  END IF;
END $$;
