/** Kind of the job that brings a tenant to the clusters it is to be on; its key is the tenant's id. */
export const PLACEMENT_JOB = 'placement';
