/** One request: its row, and its capture while that is kept. */
import { ApiError, api } from '$lib/api/client';
import type { Capture, Row, RowPage } from './types';

export interface Found {
  row: Row | null;
  /** Null: it is not kept. */
  capture: Capture | null;
}

export async function find(id: string): Promise<Found> {
  const page = await api.get<RowPage>('api/metrics/activity', { query: { min_id: id, max_id: id } });
  return { row: page.data[0] ?? null, capture: await captureOf(id) };
}

async function captureOf(id: string): Promise<Capture | null> {
  try {
    return await api.get<Capture>(`api/captures/${id}`);
  } catch (failure) {
    if (failure instanceof ApiError && failure.status === 404) return null;
    throw failure;
  }
}
