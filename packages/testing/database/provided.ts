declare module 'vitest' {
  interface ProvidedContext {
    /** the URL of a superuser on the PostgreSQL server of the test run */
    postgresUrl: string;
  }
}

export {};
