package dev.packbench.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.util.TypedValue
import android.view.View
import dev.packbench.ffi.Median

/** One case: its name above a bar as long as its median, crossed by a line from its shortest run to its longest. */
class Bar(context: Context, private val median: Median, private val most: Double, texts: Texts) : View(context) {
    private val name = "${texts.milliseconds(median.medianNs)}  ${median.case}"
    private val label = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        textSize = TypedValue.applyDimension(TypedValue.COMPLEX_UNIT_SP, LABEL_SP, resources.displayMetrics)
        color = themed(android.R.attr.textColorPrimary)
    }
    private val bar = Paint().apply { color = themed(android.R.attr.colorAccent) }
    private val line = Paint(label).apply { strokeWidth = resources.displayMetrics.density * LINE_DP }

    init {
        contentDescription = texts.bar(median)
    }

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        val height = (label.fontSpacing * 2).toInt()
        setMeasuredDimension(getDefaultSize(suggestedMinimumWidth, widthSpec), resolveSize(height, heightSpec))
    }

    override fun onDraw(canvas: Canvas) {
        val (line0, half) = label.fontSpacing to label.fontSpacing / 2
        canvas.drawText(name, 0f, line0 - label.descent(), label)
        canvas.drawRect(0f, line0 + half / 2, x(median.medianNs), line0 + half * 3 / 2, bar)
        canvas.drawLine(x(median.leastNs), line0 + half, x(median.mostNs), line0 + half, line)
    }

    private fun x(nanoseconds: Double) = (nanoseconds / most * width).toFloat()

    private fun themed(attribute: Int): Int {
        val found = context.obtainStyledAttributes(intArrayOf(attribute))
        return found.getColor(0, 0).also { found.recycle() }
    }

    private companion object {
        const val LABEL_SP = 14f
        const val LINE_DP = 2
    }
}
