import { describe, expect, test } from 'vitest';
import { errorOf } from '../src/lib/api/errors';

describe('what the server says when it refuses', () => {
  test('in the shape of OpenAI', () => {
    const error = errorOf(404, '{"error": {"message": "no model", "type": "x", "code": "unknown-model"}}');
    expect([error.message, error.code, error.status]).toEqual(['no model', 'unknown-model', 404]);
  });
  test('with fields and a line', () => {
    const error = errorOf(
      422,
      '{"error": {"message": "bad", "code": "c", "fields": [{"path": "/a", "message": "m"}], "line": 3}}',
    );
    expect(error.fields).toEqual([{ path: '/a', message: 'm' }]);
    expect(error.details.line).toBe(3);
  });
  test('in the shape of RFC 9457', () => {
    expect(errorOf(409, '{"title": "Conflict", "detail": "busy"}').message).toBe('busy');
  });
  test('as a bare string', () => expect(errorOf(400, '{"error": "wrong"}').message).toBe('wrong'));
  test('as text, or as nothing at all', () => {
    expect(errorOf(502, 'Bad gateway').message).toBe('Bad gateway');
    expect(errorOf(500, '').message).toBe('HTTP 500');
  });
  test('a conflict carries what the server holds', () => {
    expect(errorOf(412, '{"error": {"message": "changed"}, "current": {"text": "x"}}').details.current).toEqual({
      text: 'x',
    });
  });
});
