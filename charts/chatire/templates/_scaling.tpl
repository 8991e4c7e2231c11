{{/* What is scaled. Takes (list . COMPONENT). */}}
{{- define "chatire.scaled" -}}
scaleTargetRef:
  apiVersion: apps/v1
  kind: Deployment
  name: {{ include "chatire.fullname" (index . 0) }}-{{ index . 1 }}
{{- end -}}

{{/* How fast. Down slowly: connections that a pod sends away come back elsewhere, and each
does so once. */}}
{{- define "chatire.scaling" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - {type: Percent, value: 100, periodSeconds: 60}
scaleDown:
  stabilizationWindowSeconds: 600
  policies:
    - {type: Pods, value: 1, periodSeconds: 120}
{{- end -}}
