import { useCallback, useEffect, useState } from 'react';

/** A list of the server's: null until it has come; `reload` resolves when it has come anew, and rejects for no error. */
export function useLoadedList<T>(load: () => Promise<T[]>) {
  const [items, setItems] = useState<T[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const reload = useCallback(
    () =>
      load().then(
        (loaded) => {
          setFailure(null);
          setItems(loaded);
        },
        (error: Error) => setFailure(error.message),
      ),
    [load],
  );
  useEffect(() => void reload(), [reload]);
  return { items, failure, reload };
}
